# The data stays: a drawing that changes its mind must not lose it.
rm -rf /etc/sandtable/{{ service.slug }} /usr/local/lib/sandtable/{{ service.slug }}
