// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.uffd;

import io.mm4j.api.process.Uffd;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What is behind the descriptor of a userfaultfd ({@code struct userfaultfd_ctx}, fs/userfaultfd.c
 * of Linux 6.18): the features that were chosen, and the messages that nobody has read yet.
 *
 * <p>Differs: one call is made at a time, so nobody sleeps. An access that would wait ends with a
 * message here; the same access made again is another one that waits. What makes another event
 * (fork, mremap, munmap, madvise) goes on at once, where Linux lets it wait until the message is
 * read; as there, pages cannot be brought until then ({@code mmap_changing}).
 */
public final class Userfaultfd {
  private final boolean nonBlocking;
  private final boolean userModeOnly;
  private final ArrayDeque<UffdMessage> faults = new ArrayDeque<>();
  private final ArrayDeque<UffdMessage> events = new ArrayDeque<>();
  private long features;
  private boolean initialized;

  /** A new one, whose features are not chosen yet. */
  public Userfaultfd(boolean nonBlocking, boolean userModeOnly) {
    this.nonBlocking = nonBlocking;
    this.userModeOnly = userModeOnly;
  }

  /** {@code dup_userfaultfd()}: one like this, for the child of a fork. */
  public Userfaultfd forChild() {
    Userfaultfd child = new Userfaultfd(nonBlocking, userModeOnly);
    child.features = features;
    child.initialized = true;
    return child;
  }

  /** Chooses features; false if that was done before. */
  public boolean initialize(long chosen) {
    if (initialized) {
      return false;
    }
    features = chosen;
    initialized = true;
    return true;
  }

  /** {@code userfaultfd_is_initialized()}. */
  public boolean isInitialized() {
    return initialized;
  }

  /** Whether a feature was chosen. */
  public boolean has(long feature) {
    return (features & feature) != 0;
  }

  /** Whether a read with nothing to give would not wait. */
  public boolean isNonBlocking() {
    return nonBlocking;
  }

  /** Whether faults that the kernel makes fail in place of being told. */
  public boolean isUserModeOnly() {
    return userModeOnly;
  }

  /** {@code userfaultfd_wp_async()}: a write takes protection away by itself. */
  public boolean isAsync() {
    return has(Uffd.WP_ASYNC);
  }

  /**
   * {@code handle_userfault()}: an access waits.
   *
   * @param page the page, or the huge one
   * @param exact the address itself
   * @param thread who makes the access
   */
  public void fault(long flags, long page, long exact, long thread) {
    long address = has(Uffd.EXACT_ADDRESS) ? exact : page;
    faults.add(UffdMessage.fault(flags, address, has(Uffd.THREAD_ID) ? thread : 0));
  }

  /** {@code userfaultfd_event_wait_completion()}: something has happened to the memory. */
  public void event(UffdMessage message) {
    events.add(message);
  }

  /** {@code mmap_changing}: somebody waits until an event is read. */
  public boolean isChanging() {
    return !events.isEmpty();
  }

  /** {@code wake_userfault()}: accesses in a range wait no more, also those nobody has read of. */
  public void wake(long start, long bytes) {
    for (Iterator<UffdMessage> i = faults.iterator(); i.hasNext(); ) {
      long at = i.next().second() - start;
      if (at >= 0 && Long.compareUnsigned(at, bytes) < 0) {
        i.remove();
      }
    }
  }

  /** {@code userfaultfd_ctx_read()}: the next message, faults first; null if there is none. */
  public @Nullable UffdMessage next() {
    UffdMessage fault = faults.peek();
    return fault != null ? fault : events.peek();
  }

  /** What forks have made, and no message has brought to a reader. */
  public void unreadChildren(Consumer<Userfaultfd> sink) {
    for (UffdMessage message : events) {
      if (message.child() != null) {
        sink.accept(message.child());
      }
    }
  }

  /** It has been read. */
  public void taken(UffdMessage message) {
    if (message.isFault()) {
      faults.remove();
    } else {
      events.remove();
    }
  }
}
