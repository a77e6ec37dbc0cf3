systemctl is-active --quiet {{ unit }} && [ -e /run/sandtable-{{ service.slug }}.status ] && [ -n "$(ss -Hltn 'sport = :{{ port.rsync }}')" ]
