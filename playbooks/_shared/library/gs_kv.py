#!/usr/bin/python
"""Sets keys of a key=value file and leaves every other line, key and comment as it is.

Values are compared decoded, so that a game which rewrites its file (other order, escapes, a date) causes no change.
Returns `changes`: key -> {before, after}; secrets and hidden keys as "(sensitive)".
"""

import os
import tempfile

from ansible.module_utils.basic import AnsibleModule

ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def decode(text):
    """Undoes the escapes of Java properties."""
    out, at = [], 0
    while at < len(text):
        if text[at] != "\\" or at + 1 == len(text):
            out.append(text[at])
            at += 1
        elif text[at + 1] == "u" and len(text) >= at + 6:
            try:
                out.append(chr(int(text[at + 2:at + 6], 16)))
            except ValueError:
                out.append(text[at:at + 6])
            at += 6
        else:
            out.append(ESCAPES.get(text[at + 1], text[at + 1]))
            at += 2
    return "".join(out).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def encode(text):
    """Escapes what would not come back as it is."""
    units = text.encode("utf-16-be")
    out = []
    for at in range(0, len(units), 2):
        unit = int.from_bytes(units[at:at + 2], "big")
        if unit == 0x5C:
            out.append("\\\\")
        else:
            out.append(chr(unit) if 0x20 <= unit < 0x7F else "\\u%04x" % unit)
    text = "".join(out)
    return "\\" + text if text.startswith(" ") else text


def key_of(line):
    """Returns key and raw value of a line, or None for comments and the rest."""
    stripped = line.strip()
    if not stripped or stripped[0] in "#!" or "=" not in stripped:
        return None
    key, value = stripped.split("=", 1)
    return decode(key.strip()), value.lstrip()


def merge(lines, wanted):
    """Returns the lines with the wanted values, and the values before."""
    before, out = {}, []
    for line in lines:
        found = key_of(line)
        if found and found[0] in wanted:
            key = found[0]
            if key in before:
                continue
            before[key] = decode(found[1])
            out.append(line if before[key] == wanted[key] else "%s=%s" % (key, encode(wanted[key])))
        else:
            out.append(line)
    out += ["%s=%s" % (key, encode(wanted[key])) for key in sorted(wanted) if key not in before]
    return out, before


def write(module, path, text):
    """Replaces the file as a whole, keeping mode and owner of the one before."""
    handle, temporary = tempfile.mkstemp(dir=module.tmpdir)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    module.atomic_move(temporary, path)


def main():
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "values": {"type": "dict", "required": True},
            "secrets": {"type": "dict", "default": {}, "no_log": True},
            "hidden": {"type": "list", "elements": "str", "default": []},
        },
        add_file_common_args=True,
        supports_check_mode=True,
    )
    path = module.params["path"]
    secrets = module.params["secrets"]
    hidden = set(module.params["hidden"]) | set(secrets)
    wanted = {str(key): str(value) for key, value in {**module.params["values"], **secrets}.items()}

    text = ""
    if os.path.exists(path):
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
    lines, before = merge(text.splitlines(), wanted)

    def shown(key, value):
        return "(sensitive)" if key in hidden and value is not None else value

    changes = {
        key: {"before": shown(key, before.get(key)), "after": shown(key, value)}
        for key, value in sorted(wanted.items())
        if before.get(key) != value
    }
    changed = bool(changes)
    if changed and not module.check_mode:
        write(module, path, "\n".join(lines) + "\n")
    if not module.check_mode or os.path.exists(path):
        changed = module.set_fs_attributes_if_different(module.load_file_common_arguments(module.params), changed)
    diff = {
        "before_header": path,
        "after_header": path,
        "before": "".join("%s=%s\n" % (key, change["before"]) for key, change in changes.items() if change["before"] is not None),
        "after": "".join("%s=%s\n" % (key, change["after"]) for key, change in changes.items()),
    }
    module.exit_json(changed=changed, path=path, changes=changes, diff=diff)


if __name__ == "__main__":
    main()
