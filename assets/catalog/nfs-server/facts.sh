echo "clients $(ss -Htn state established "sport = :"{{ port.nfs }} | awk '{ sub(/:[0-9]+$/, "", $4); print $4 }' | sort -u | wc -l)"
if [ -e /run/sandtable-{{ service.slug }}-ganesha.pid ]; then echo "in-kernel 0"; else echo "in-kernel 1"; fi
