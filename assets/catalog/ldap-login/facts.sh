{%- if upstreams -%}
before=$(date +%s%N)
if LDAPTLS_CACERT={{ tls.authority }} LDAPTLS_REQCERT=demand LDAPNETWORK_TIMEOUT=2 timeout 3 ldapsearch -x -LLL -o nettimeout=2 \
    {% if upstreams[0].port == 636 %}-H ldaps{% else %}-ZZ -H ldap{% endif %}://{{ upstreams[0].address|plain }}:{{ upstreams[0].port }} -b '' -s base namingContexts > /dev/null 2>&1; then
    echo "directory-ms $((($(date +%s%N) - before) / 1000000))"
fi
{%- endif %}
