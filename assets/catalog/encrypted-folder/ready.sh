mountpoint -q {{ settings.folder }}
