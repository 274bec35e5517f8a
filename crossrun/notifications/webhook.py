"""A POST request to an address of the user's, signed as Standard Webhooks describes it.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hmac
import json
import time
from hashlib import sha256
from urllib.parse import urlsplit

from crossrun import __version__
from crossrun.notifications import Notification

_PREFIX = "whsec_"
_TRIES = 5
_AGAIN_AFTER = (408, 425, 429, 500, 502, 503, 504)
_LEAST_SUCCESS, _MOST_SUCCESS = 200, 299


def deliver(url: str, secret: str, notification: Notification) -> str | None:
    """Sends a notification, several times if need be; why it did not arrive.

    The reason does not contain the address, which may have a key in it.
    """
    import urllib3

    body = json.dumps(notification.event, ensure_ascii=False).encode()
    retries = urllib3.Retry(
        total=_TRIES - 1,
        redirect=0,
        status_forcelist=_AGAIN_AFTER,
        allowed_methods=None,
        backoff_factor=0.2,
        backoff_max=2,
        respect_retry_after_header=False,
        raise_on_status=False,
        raise_on_redirect=False,
    )
    headers = {
        "content-type": "application/json",
        "user-agent": f"crossrun/{__version__}",
        **signature_headers(secret, notification.id, int(time.time()), body),
    }
    host = urlsplit(url).hostname or "?"
    timeout = urllib3.Timeout(connect=2, read=3)
    try:
        with urllib3.PoolManager(retries=retries, timeout=timeout) as pool:
            response = pool.request("POST", url, body=body, headers=headers)
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        return f"{host} cannot be reached: {type(reason).__name__}"
    if _LEAST_SUCCESS <= response.status <= _MOST_SUCCESS:
        return None
    return f"{host} answered {response.status}"


def signature_headers(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers by which a receiver knows who sent a message, and when."""
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    signature = base64.b64encode(hmac.new(_key(secret), signed, sha256).digest()).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }


def _key(secret: str) -> bytes:
    """The bytes of a secret: base64 after `whsec_`, otherwise the text itself."""
    if secret.startswith(_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            return secret.encode()
    return secret.encode()
