// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Uffd;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.uffd.UffdMessage;
import io.mm4j.process.uffd.Userfaultfd;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import java.util.IdentityHashMap;
import org.jspecify.annotations.Nullable;

/**
 * What a fork makes of userfaultfds ({@code dup_userfaultfd}, {@code dup_userfaultfd_complete},
 * fs/userfaultfd.c, Linux 6.18): the child is not watched, unless UFFD_FEATURE_EVENT_FORK was
 * chosen; then it has one of its own, which comes with a message.
 */
final class ForkedUffds {
  private final Mm child;

  /** The child's by the parent's; most forks have none. */
  private @Nullable IdentityHashMap<Userfaultfd, Userfaultfd> ofParent;

  ForkedUffds(Mm child) {
    this.child = child;
  }

  /** Who watches a VMA of the child, which is a copy of its parent's. */
  void inherited(Vma copy) {
    Userfaultfd watch = copy.uffd;
    if (watch == null) {
      return;
    }
    if (watch.has(Uffd.EVENT_FORK)) {
      IdentityHashMap<Userfaultfd, Userfaultfd> known = ofParent;
      if (known == null) {
        known = new IdentityHashMap<>();
        ofParent = known;
      }
      copy.uffd = known.computeIfAbsent(watch, Userfaultfd::forChild);
    } else {
      copy.uffd = null;
      copy.flags &= ~VmFlags.UFFD;
    }
  }

  /** The fork has worked. */
  void tell() {
    if (ofParent == null) {
      return;
    }
    ofParent.forEach(
        (parent, own) -> {
          child.context.userfaults.child(own, child, () -> new UffdRange(child).release(own));
          parent.event(UffdMessage.fork(own));
        });
  }
}
