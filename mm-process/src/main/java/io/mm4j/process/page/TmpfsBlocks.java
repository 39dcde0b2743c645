// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import java.util.ArrayList;
import java.util.List;

/**
 * The blocks of a tmpfs that was mounted with a size ({@code shmem_sb_info}, mm/shmem.c of Linux
 * 6.18): each page that a file of it has is one, a hole is none.
 */
final class TmpfsBlocks {
  private final long most;
  private final List<FileObject> files = new ArrayList<>();

  /**
   * An empty file system.
   *
   * @param bytes its size; 0 and below for no limit
   */
  TmpfsBlocks(long bytes) {
    most = bytes <= 0 ? Long.MAX_VALUE : (bytes + 4095) >>> 12;
  }

  /** {@code max_blocks}, in pages. */
  long most() {
    return most;
  }

  /** A file lies there. */
  void add(FileObject file) {
    files.add(file);
  }

  /** A file is gone. */
  void remove(FileObject file) {
    files.remove(file);
  }

  /** {@code shmem_inode_acct_blocks()}: whether so many pages are left. O(files). */
  boolean hasRoom(long pages) {
    long used = 0;
    for (FileObject file : files) {
      used += file.frames();
    }
    return pages <= most - used;
  }
}
