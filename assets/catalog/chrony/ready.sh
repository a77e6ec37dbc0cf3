chronyc -h /run/chrony/{{ service.slug }}.sock -c tracking > /dev/null
