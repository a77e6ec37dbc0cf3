said=$(apachectl configtest 2>&1) || fail "Apache refuses its configuration: $(printf '%s\n' "$said" | grep -v AH00558 | head -n 2 | tr '\n' ' ')"
if command -v php >/dev/null; then
    for file in /usr/local/share/sandtable/{{ service.slug }}/shop.php {{ settings.docroot }}/index.php {{ settings.docroot }}/status.php; do
        said=$(php -l "$file" 2>&1) || fail "PHP refuses $file: $(printf '%s\n' "$said" | grep . | head -n 1)"
    done
fi
