case {{ node.family }} in
    debian | ubuntu)
        if [ -e /etc/apache2/sites-enabled/000-default.conf ]; then
            rm -f /etc/apache2/sites-enabled/000-default.conf
            changed
        fi
        for module in alias env dir mime authz_core{% if settings.tls %} ssl{% endif %}; do
            [ -e "/etc/apache2/mods-enabled/$module.load" ] || { a2enmod -q "$module" >/dev/null; changed; }
        done
        ;;
    *)
        if grep -q '^Listen' /etc/httpd/conf/httpd.conf; then
            sed -i 's/^Listen/# Listen/' /etc/httpd/conf/httpd.conf
            changed
        fi
        for file in ssl welcome; do
            [ ! -s "/etc/httpd/conf.d/$file.conf" ] || { : >"/etc/httpd/conf.d/$file.conf"; changed; }
        done
        {%- if settings.tls %}
        command -v setsebool >/dev/null && setsebool -P httpd_can_network_connect 1 httpd_can_network_connect_db 1 || true
        {%- else %}
        command -v setsebool >/dev/null && setsebool -P httpd_can_network_connect 1 || true
        {%- endif %}
        ;;
esac
images={{ settings.docroot ~ "/images" }}
if [ ! -d "$images" ]; then
    mkdir -p -- "$images"
    chown {{ paths.user ~ ":" ~ paths.user }} -- "$images"
fi
