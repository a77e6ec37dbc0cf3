python3 -c 'import json, sys; json.load(open(sys.argv[1]))' /etc/sandtable/{{ service.slug }}/config.json || fail "The configuration of the file sync cannot be read."
command -v inotifywait >/dev/null || fail "inotifywait is missing; install inotify-tools."
