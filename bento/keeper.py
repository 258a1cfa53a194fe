"""Run the service on one machine under a supervisor that follows serving.json in the store.

python -m bento.keeper        what `make run` and Compose start
"""

from __future__ import annotations

import signal
import sys

from bento.lifecycle.server_process import ServerProcess, stop_seconds
from bento.lifecycle.supervisor import Supervisor, log
from chatbot.errors import ChatbotError, SettingError
from chatbot.loop import desired_model
from chatbot.process import Stopped, check_port_free, stop_on
from chatbot.settings import KeeperSettings, ServiceSettings, StorageSettings, UploadSettings
from chatbot.store import has_store, open_store


def main() -> int:
    """Serve until stopped; return the exit code: 1 if no model can be served, with the reason in one line."""
    stop_on(signal.SIGTERM, signal.SIGINT)
    try:
        service, storage = ServiceSettings(), StorageSettings()
        _check_model_unset(service)
        seconds = stop_seconds(service, UploadSettings())
        check_port_free(service.host, service.port, "CHATBOT_HOST", "CHATBOT_PORT")
        return Supervisor(
            open_store(storage) if has_store(storage) else None,
            KeeperSettings(),
            service.bundle_cache / desired_model.KEY,
            lambda model: ServerProcess(model, service.host, service.port, seconds),
            _preflight,
        ).run()
    except Stopped:
        return 0
    except ChatbotError as error:
        log(str(error))
        return 1


def _check_model_unset(service: ServiceSettings) -> None:
    for name, value in (("CHATBOT_MODEL", service.model), ("CHATBOT_MODEL_FILE", service.model_file)):
        if value:
            raise SettingError(
                f"{name}={value}: the keeper serves the model that serving.json in the store names: unset it and run "
                "`python -m training.promote VERSION`, or serve this model by `python -m bento`"
            )


def _preflight(model: str) -> str | None:
    from bento.lifecycle import preflight  # late: a start does not need it, and importing numpy takes time

    return preflight.failure_of(model)


if __name__ == "__main__":
    sys.exit(main())
