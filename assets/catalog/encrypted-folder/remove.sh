# What lies encrypted stays: without its key it is of no use to anybody, and with it it is somebody's data.
umount -l {{ settings.folder }} 2> /dev/null || true
rm -rf /etc/sandtable/{{ service.slug }}
