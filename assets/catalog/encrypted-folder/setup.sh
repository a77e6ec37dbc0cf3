(: <> /dev/fuse) 2> /dev/null || modprobe -q fuse 2> /dev/null || true
(: <> /dev/fuse) 2> /dev/null || fail "Not on this host: /dev/fuse cannot be opened, and the folder is encrypted by a FUSE file system; give the node that device."
made=$(/etc/sandtable/{{ service.slug }}/vault make) || fail "The encrypted folder could not be made; see the lines above."
[ -z "$made" ] || say "made the encrypted folder of "{{ settings.folder }}
