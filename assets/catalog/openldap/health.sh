socket=$(printf %s {{ paths.run }}/{{ service.slug }}.sock | sed 's,/,%2F,g')
if answer=$(ldapsearch -Q -LLL -Y EXTERNAL -o nettimeout=2 -H "ldapi://$socket" -b {{ settings.suffix }} -s base dn 2>&1); then
    echo "answers for "{{ settings.suffix }}
else
    printf 'does not answer: %s\n' "$(printf %s "$answer" | tail -n 1 | cut -c 1-120)"
    exit 1
fi
