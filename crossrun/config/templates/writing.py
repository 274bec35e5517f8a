"""The file of a template, as text that people edit further."""

from typing import Any

import msgspec

from crossrun.config.templates.template import Template
from crossrun.config.templates.variables import TemplateVariable


def template_text(template: Template) -> str:
    """The YAML of a template, without what is as it would be anyway."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def block(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
        style = "|" if "\n" in text else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, block)
    fields = {
        "summary": template.summary,
        "task_type": template.task_type,
        "instructions": template.instructions,
        "variables": {name: _fields(each) for name, each in template.variables.items()},
        "verify": template.verify,
        "limits": dict(template.limits),
        "tags": list(template.tags),
    }
    content = {name: value for name, value in fields.items() if value}
    return str(yaml.dump(content, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100))


def _fields(variable: TemplateVariable) -> dict[str, Any]:
    plain = msgspec.to_builtins(variable)
    defaults = msgspec.to_builtins(TemplateVariable())
    fields = {name: value for name, value in plain.items() if value != defaults[name]}
    return fields or {"type": variable.type}
