"""Prints one JSON object per line and event, for Spawnpoint to read. Nothing else goes to standard output."""

import json
import sys

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
    name: spawnpoint
    type: stdout
    short_description: events as lines of JSON
    description: [One JSON object per line and event.]
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "spawnpoint"

    def emit(self, event, **fields):
        sys.stdout.write(json.dumps({"event": event, **fields}, default=str) + "\n")
        sys.stdout.flush()

    def result(self, event, result):
        found = result._result
        secret = bool(found.get("_ansible_no_log")) or bool(result._task.no_log)
        fields = {"task": result._task.name, "changed": bool(found.get("changed"))}
        if not secret:
            items = [item.get("msg") for item in found.get("results") or [] if isinstance(item, dict) and item.get("failed")]
            message = "; ".join(str(text) for text in items if text) or str(found.get("msg", ""))
            detail = str(found.get("module_stderr") or found.get("stderr") or "")[-2000:]
            fields.update(message=message, detail=detail, path=found.get("path"), changes=found.get("changes"))
        self.emit(event, **fields)

    def v2_playbook_on_task_start(self, task, is_conditional):
        self.emit("start", task=task.name)

    def v2_playbook_on_handler_task_start(self, task):
        self.emit("start", task=task.name)

    def v2_runner_on_ok(self, result):
        self.result("ok", result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.result("ignored" if ignore_errors else "failed", result)

    def v2_runner_on_unreachable(self, result):
        self.result("unreachable", result)

    def v2_runner_on_skipped(self, result):
        self.emit("skipped", task=result._task.name)

    def v2_playbook_on_stats(self, stats):
        self.emit("stats", changed=sum(stats.changed.values()), ok=sum(stats.ok.values()), failed=sum(stats.failures.values()))
