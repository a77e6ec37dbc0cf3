folder={{ settings.folder }}
case $folder in
    /?*) ;;
    *) fail "$folder cannot be encrypted: it is no folder's full name." ;;
esac
gocryptfs -info -- "$(dirname "$folder")/.$(basename "$folder").encrypted" > /dev/null || fail "gocryptfs cannot read the encrypted folder; see the line above."
