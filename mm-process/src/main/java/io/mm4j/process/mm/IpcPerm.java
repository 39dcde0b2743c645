// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.mm;

import io.mm4j.api.process.Capability;

/**
 * Whose a System V segment is, and who may do what with it ({@code struct kern_ipc_perm}, {@code
 * ipcperms}, {@code ipcctl_obtain_check} of ipc/util.c, Linux 6.18).
 *
 * <p>Differs: a process is in no group but its own.
 */
public final class IpcPerm {
  /** {@code S_IRWXUGO}. */
  public static final long RIGHTS = 0777;

  /** {@code SHM_DEST}: it goes with its last mapping. */
  public static final long DEST = 01000;

  /** {@code SHM_LOCKED}. */
  public static final long LOCKED = 02000;

  private static final long NOBODY = 0xffff_ffffL;

  private final long creatorUid;
  private final long creatorGid;
  private long uid;
  private long gid;
  private long mode;

  /** Of a new one, which belongs to who makes it. */
  public IpcPerm(Mm maker, long mode) {
    creatorUid = maker.uid;
    creatorGid = maker.gid;
    uid = maker.uid;
    gid = maker.gid;
    this.mode = mode;
  }

  /** Who owns it. */
  public long uid() {
    return uid;
  }

  /** The group that owns it. */
  public long gid() {
    return gid;
  }

  /** Who made it. */
  public long creatorUid() {
    return creatorUid;
  }

  /** The group of who made it. */
  public long creatorGid() {
    return creatorGid;
  }

  /** Rights, with {@link #DEST} and {@link #LOCKED}. */
  public long mode() {
    return mode;
  }

  /** Whether one of these bits of the mode is set. */
  public boolean has(long bits) {
    return (mode & bits) != 0;
  }

  /** Sets or clears bits of the mode. */
  public void mark(long bits, boolean on) {
    mode = on ? mode | bits : mode & ~bits;
  }

  /** {@code ipcperms()}: whether a process lacks rights, of three bits: 4 read, 2 write, 1 run. */
  public boolean denies(Mm mm, long rights) {
    long granted = mode;
    if (isOwner(mm)) {
      granted >>= 6;
    } else if (mm.gid == creatorGid || mm.gid == gid) {
      granted >>= 3;
    }
    return (rights & ~granted & 7) != 0 && !mm.capable(Capability.IPC_OWNER);
  }

  /** Whether a process is the owner's or the maker's. */
  public boolean isOwner(Mm mm) {
    return mm.uid == creatorUid || mm.uid == uid;
  }

  /** {@code ipcctl_obtain_check()}: whether a process may change and remove it. */
  public boolean mayChange(Mm mm) {
    return isOwner(mm) || mm.capable(Capability.SYS_ADMIN);
  }

  /**
   * {@code ipc_update_perm()}.
   *
   * @return false if there is no such user or group
   */
  public boolean change(long newUid, long newGid, long rights) {
    if (newUid == NOBODY || newGid == NOBODY) {
      return false;
    }
    uid = newUid;
    gid = newGid;
    mode = (mode & ~RIGHTS) | (rights & RIGHTS);
    return true;
  }
}
