systemctl is-active --quiet sssd || { echo "sssd does not run: only the node's own accounts are known"; exit 1; }
{%- if upstreams %}
if answer=$(LDAPTLS_CACERT={{ tls.authority }} LDAPTLS_REQCERT=demand LDAPNETWORK_TIMEOUT=2 timeout 3 ldapsearch -x -LLL -o nettimeout=2 \
    {% if upstreams[0].port == 636 %}-H ldaps{% else %}-ZZ -H ldap{% endif %}://{{ upstreams[0].address|plain }}:{{ upstreams[0].port }} -b '' -s base namingContexts 2>&1); then
    echo "the directory answers"
else
    printf 'the directory does not answer: %s\n' "$(printf '%s\n' "$answer" | tail -n 1 | cut -c 1-120)"
    exit 2
fi
{%- endif %}
