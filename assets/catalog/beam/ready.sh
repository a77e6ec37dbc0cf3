curl -sf -m 3 --unix-socket /run/sandtable-{{ service.slug }}/mesh.sock http://mesh/facts > /dev/null
