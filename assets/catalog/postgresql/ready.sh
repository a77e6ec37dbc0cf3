/usr/local/lib/sandtable/{{ service.slug }}/server pg_isready -q -t 2 -h /run/sandtable-{{ service.slug }} -p {{ port.sql }}
