said=$(apachectl configtest 2>&1) || fail "Apache refuses its configuration: $said"
if command -v php >/dev/null; then
    for file in /usr/local/share/sandtable/{{ service.slug }}/shop.php {{ settings.docroot }}/index.php {{ settings.docroot }}/status.php; do
        said=$(php -l "$file" 2>&1) || fail "PHP refuses $file: $said"
    done
fi
