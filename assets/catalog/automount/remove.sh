/etc/sandtable/{{ service.slug|plain }}/mount stop 2> /dev/null || true
rm -rf /etc/sandtable/{{ service.slug }}
