# Whose the folder is, is for those who use it to say.
mkdir -p -- {{ settings.folder }}
