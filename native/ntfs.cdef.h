/* The part of <ntfs-3g/volume.h> that osdimage uses. */

struct _ntfs_volume { uint16_t flags; ...; };
typedef struct _ntfs_volume ntfs_volume;

#define NTFS_MNT_RDONLY ...

ntfs_volume *ntfs_mount(const char *name, unsigned long flags);
int ntfs_umount(ntfs_volume *volume, int force);
int ntfs_volume_write_flags(ntfs_volume *volume, uint16_t flags);
