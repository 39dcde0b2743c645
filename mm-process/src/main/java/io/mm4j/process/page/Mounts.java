// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import io.mm4j.api.MisuseException;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Mount;
import java.util.HashMap;
import java.util.Map;

/**
 * The file systems with a size ({@code shmem_fill_super}, mm/shmem.c; {@code hugetlbfs_fill_super},
 * fs/hugetlbfs/inode.c; Linux 6.18).
 */
public final class Mounts {
  private final Map<Mount, TmpfsBlocks> blocks = new HashMap<>();
  private final Map<Mount, HugeSubpool> subpools = new HashMap<>();

  /** None. */
  public Mounts() {}

  /** Mounts one: 0 or a negated errno. */
  public long add(Mount mount, HugePools pools) {
    if (blocks.containsKey(mount) || subpools.containsKey(mount)) {
      return -Errno.EBUSY;
    }
    if (!mount.kind().isHugetlb()) {
      blocks.put(mount, new TmpfsBlocks(mount.mostBytes()));
      return 0;
    }
    if (!pools.has(mount.kind().leafLevel())) {
      return -Errno.ENODEV;
    }
    HugePool pool = pools.of(mount.kind().leafLevel());
    long most = pages(mount.mostBytes(), pool);
    long least = pages(mount.leastBytes(), pool);
    if (most != HugeSubpool.NONE && least > most) {
      return -Errno.EINVAL;
    }
    if (!pool.promise(Math.max(0, least))) {
      return -Errno.ENOMEM;
    }
    subpools.put(mount, new HugeSubpool(most, least));
    return 0;
  }

  /** {@code hugetlbfs_size_to_hpages()}: whole pages. */
  private static long pages(long bytes, HugePool pool) {
    return bytes == Mount.NONE ? HugeSubpool.NONE : bytes / pool.pageBytes();
  }

  /** A file begins; its file system was mounted if it is one with a size. */
  public void begins(FileObject file) {
    Mount mount = file.mapped().mount();
    if (mount == null) {
      return;
    }
    file.blocks = blocks.get(mount);
    file.subpool = subpools.get(mount);
    if (file.blocks != null) {
      file.blocks.add(file);
    } else if (file.subpool == null) {
      throw new MisuseException(
          "file=" + file.mapped().name() + " lies on a file system that nobody has mounted");
    }
  }

  /** A file is gone, and its pages with it. */
  public void ends(FileObject file) {
    if (file.blocks != null) {
      file.blocks.remove(file);
    }
  }
}
