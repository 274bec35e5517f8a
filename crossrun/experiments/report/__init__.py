"""The results of an experiment for other programs and documents: JSON, CSV, Markdown, SVG."""
