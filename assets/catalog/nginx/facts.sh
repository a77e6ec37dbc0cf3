echo "connections $(ss -Htn state established '( {% for name in port %}sport = :{{ port[name] }}{% if not loop.last %} or {% endif %}{% endfor %} )' | wc -l)"
