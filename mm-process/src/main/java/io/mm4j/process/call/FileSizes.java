// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.Uapi;
import io.mm4j.process.mm.FloorContext;
import io.mm4j.process.page.FileObject;

/** {@code do_truncate} (fs/open.c, Linux 6.18), for who has a descriptor and for who has a path. */
public final class FileSizes {
  private FileSizes() {}

  /**
   * Gives a regular file another size: 0, {@code -EFBIG}, {@code -EPERM} if it is sealed, {@code
   * -EINVAL} if it is of huge pages and the size is not, or secret memory that has a size.
   */
  public static long truncate(FloorContext context, MappedFile mapped, long bytes) {
    if (bytes > mostBytes(mapped.kind())) {
      return -Errno.EFBIG;
    }
    FileObject file = context.files.of(mapped);
    if (mapped.kind() == MappedFile.Kind.SECRET && file.sizeBytes() > 0) {
      return -Errno.EINVAL;
    }
    boolean huge = mapped.kind().isHugetlb();
    if (huge && (bytes & context.hugePools().of(file).pageBytes() - 1) != 0) {
      return -Errno.EINVAL; // hugetlbfs_setattr looks at the seals later
    }
    int seals = file.change().seals();
    boolean sealed =
        (bytes < file.sizeBytes() && (seals & Uapi.F_SEAL_SHRINK) != 0)
            || (bytes > file.sizeBytes() && (seals & Uapi.F_SEAL_GROW) != 0);
    if (sealed) {
      return -Errno.EPERM;
    }
    if (huge) {
      return HugeFiles.truncate(context, file, bytes);
    }
    context.files.resize(file, bytes);
    return 0;
  }

  /** {@code s_maxbytes} of the file system. */
  static long mostBytes(MappedFile.Kind kind) {
    return switch (kind) {
      case EXT4, OTHER -> 0xffff_ffff_000L;
      default -> Long.MAX_VALUE;
    };
  }
}
