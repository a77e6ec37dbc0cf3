# Passwords are kept as salted hashes, which differ each time they are made; a fingerprint tells whether that is needed.
umask 027
etc={{ paths.etc }}/{{ service.slug }}
hashed() {
    password=$1 file=$2
    print=$(printf %s "$password" | sha256sum | cut -d' ' -f1)
    if [ -s "$file" ] && [ "$(cat "$file.print" 2> /dev/null)" = "$print" ]; then return 1; fi
    printf %s "$password" > "$etc/.password"
    hash=$(slappasswd -T "$etc/.password")
    rm -f "$etc/.password"
}
# A file that is kept until its password changes, so it is not one of those that are written each time.
stored() {
    text=$1 file=$2 owner=$3
    (umask 077; printf '%s\n' "$text" > "$file.new"; echo "$print" > "$file.print")
    chown "$owner" "$file.new"
    chmod 0640 "$file.new"
    mv -f "$file.new" "$file"
    changed
}
if hashed {{ secrets.password }} "$etc/password.conf"; then
    stored "rootpw $hash" "$etc/password.conf" root:{{ paths.user|plain }}
fi
if hashed {{ secrets.people_password }} "$etc/people.hash"; then
    stored "$hash" "$etc/people.hash" root:root
fi
{%- if settings.tls %}
put_text "$etc/key.pem" 0640 root:{{ paths.user|plain }} < {{ tls.key }}
{%- endif %}
data=/var/lib/ldap/{{ service.slug }}
if [ ! -d "$data" ]; then
    mkdir -p -m 0700 "$data"
    chown {{ paths.user|plain }}:{{ paths.user|plain }} "$data"
fi
if [ ! -e "$data/data.mdb" ]; then
    dc={{ settings.suffix | split(",") | first }}
    {
        printf 'dn: %s\n' {{ settings.suffix }}
        case $dc in
            dc=*) printf 'objectClass: dcObject\nobjectClass: organization\no: lab\ndc: %s\n\n' "${dc#dc=}" ;;
            o=*) printf 'objectClass: organization\no: %s\n\n' "${dc#o=}" ;;
            *) fail "The suffix must begin with dc= or o=." ;;
        esac
        # Each person begins with the same password, known to whoever deployed the lab.
        sed "/^loginShell:/a userPassword: $(cat "$etc/people.hash")" "$etc/people.ldif"
    } > "$etc/.first.ldif"
    slapadd -q -f "$etc/slapd.conf" -b {{ settings.suffix }} -l "$etc/.first.ldif" || fail "The directory could not be filled; see the line above."
    rm -f "$etc/.first.ldif"
    chown -R {{ paths.user|plain }}:{{ paths.user|plain }} "$data"
    say "the directory has its first people and groups"
fi
