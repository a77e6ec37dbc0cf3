sssctl config-check > /dev/null || { sssctl config-check; fail "sssctl finds something wrong in sssd.conf; see the lines above."; }
