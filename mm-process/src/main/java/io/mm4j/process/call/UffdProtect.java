// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Uffd;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;

/**
 * Write protection by userfaultfd ({@code mwriteprotect_range} and {@code uffd_wp_range},
 * mm/userfaultfd.c, Linux 6.18). What is not there is protected by markers: of files always, of
 * anonymous memory if UFFD_FEATURE_WP_UNPOPULATED was chosen.
 *
 * <p>Differs: when protection goes, a page that only one process has is not made writable at once;
 * its next write faults and does so.
 */
final class UffdProtect {
  private final Mm mm;

  UffdProtect(Mm mm) {
    this.mm = mm;
  }

  /** Protects a checked range, or no longer: 0 or a negated errno. */
  long range(long start, long end, boolean on) {
    Vma vma = mm.vmas.intersection(start, end);
    if (vma == null) {
      return mm.error(Errno.ENOENT, "nothing is mapped there");
    }
    long error = 0;
    for (; vma != null && vma.start < end && error == 0; vma = mm.vmas.next(vma)) {
      if (!vma.has(VmFlags.UFFD_WP)) {
        return mm.error(Errno.ENOENT, "a VMA that is not watched for writes");
      }
      if (vma.has(VmFlags.HUGETLB)) {
        return mm.error(Errno.EINVAL, "pages of the pool of huge pages are not protected here");
      }
      error = part(vma, Math.max(start, vma.start), Math.min(end, vma.end), on);
    }
    return error;
  }

  /** {@code uffd_wp_range} of a part of a VMA. */
  long part(Vma vma, long start, long end, boolean on) {
    long prot = mm.prot(vma);
    if (!on) {
      mm.pages.uffd().resolve(start, end, prot);
      return 0;
    }
    boolean ofFile = !vma.isAnonymous();
    return mm.pages.uffd().protect(start, end, prot, usesMarkers(vma), ofFile)
        ? 0
        : mm.error(Errno.ENOMEM, "no memory for page tables");
  }

  /** {@code userfaultfd_wp_use_markers}. */
  static boolean usesMarkers(Vma vma) {
    return vma.has(VmFlags.UFFD_WP)
        && (!vma.isAnonymous() || (vma.uffd != null && vma.uffd.has(Uffd.WP_UNPOPULATED)));
  }
}
