/* The part of <ntfs-3g/volume.h>, <ntfs-3g/inode.h> and <ntfs-3g/dir.h> that osdimage uses. */

struct _ntfs_volume { uint16_t flags; uint32_t cluster_size; int64_t nr_clusters, free_clusters; ...; };
typedef struct _ntfs_volume ntfs_volume;

#define NTFS_MNT_RDONLY ...

ntfs_volume *ntfs_mount(const char *name, unsigned long flags);
int ntfs_umount(ntfs_volume *volume, int force);
int ntfs_volume_get_free_space(ntfs_volume *volume);
int ntfs_volume_write_flags(ntfs_volume *volume, uint16_t flags);
int ntfs_set_ignore_case(ntfs_volume *volume);

typedef ... ntfs_inode;

ntfs_inode *ntfs_pathname_to_inode(ntfs_volume *volume, ntfs_inode *parent, const char *pathname);
int ntfs_inode_close(ntfs_inode *inode);
