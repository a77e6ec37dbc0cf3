mountpoint -q {{ settings.map }}
