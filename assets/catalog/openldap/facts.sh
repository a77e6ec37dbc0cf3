socket=$(printf %s {{ paths.run }}/{{ service.slug }}.sock | sed 's,/,%2F,g')
ldapsearch -Q -LLL -Y EXTERNAL -o nettimeout=2 -H "ldapi://$socket" -b cn=Monitor \
    '(|(cn=Current)(cn=Search))' monitorCounter monitorOpCompleted 2> /dev/null | awk '
    /^dn: cn=Current,cn=Connections/ { what = "connections" }
    /^dn: cn=Search,cn=Operations/ { what = "searches" }
    /^monitor(Counter|OpCompleted):/ && what { print what, $2; what = "" }'
dump=/var/backups/ldap/{{ service.slug }}.ldif
[ ! -e "$dump" ] || echo "dump-age-secs $(($(date +%s) - $(date -r "$dump" +%s)))"
