socket=$(printf %s {{ paths.run }}/{{ service.slug }}.sock | sed 's,/,%2F,g')
ldapwhoami -Q -Y EXTERNAL -H "ldapi://$socket" > /dev/null
