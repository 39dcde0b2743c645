// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.mm;

import io.mm4j.api.InputException;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import io.mm4j.process.uffd.Userfaultfd;
import java.util.IdentityHashMap;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Which descriptors of a floor are userfaultfds, and whose memory each watches. */
public final class Userfaults {
  /**
   * An open userfaultfd.
   *
   * @param watch what is behind it
   * @param owner whose memory it watches; it may have ended
   * @param release what its last descriptor does when it is closed
   */
  public record Opened(Userfaultfd watch, Mm owner, Runnable release) {}

  /** What a fork has made of a userfaultfd until its message is read. */
  private final IdentityHashMap<Userfaultfd, Opened> children = new IdentityHashMap<>();

  /** By the file, of which each open has one of its own. */
  private final IdentityHashMap<MappedFile, Opened> opened = new IdentityHashMap<>();

  private final IdentityHashMap<Mm, Userfaultfd> unknown = new IdentityHashMap<>();

  private boolean unprivileged;

  /** Whether whoever likes may be told of faults of the kernel. */
  public boolean isUnprivileged() {
    return unprivileged;
  }

  /** Writes {@code vm.unprivileged_userfaultfd}: 0 or a negated errno. */
  public long writeSysctl(String value) {
    long number;
    try {
      number = Sizes.parseSysctl(value, "vm.unprivileged_userfaultfd");
    } catch (InputException e) {
      return -Errno.EINVAL;
    }
    if (number != 0 && number != 1) {
      return -Errno.EINVAL;
    }
    unprivileged = number == 1;
    return 0;
  }

  /**
   * Opens one.
   *
   * @param owner whose memory it watches
   * @param release what its last descriptor does when it is closed
   * @return the lowest free descriptor of a process
   */
  public int open(Mm process, Userfaultfd watch, Mm owner, Runnable release) {
    MappedFile file = new MappedFile("anon_inode:[userfaultfd]", MappedFile.Kind.PROC, 0);
    opened.put(file, new Opened(watch, owner, release));
    return process.newDescriptor(new OpenFile(file, OpenFile.Mode.READ_ONLY));
  }

  /** One that a process had before anybody looked: its descriptor is not known. */
  public Userfaultfd unknown(Mm owner) {
    return unknown.computeIfAbsent(owner, o -> new Userfaultfd(false, false));
  }

  /** A process has gone. */
  void forget(Mm owner) {
    if (!unknown.isEmpty()) {
      unknown.remove(owner);
    }
  }

  /** The child of a fork has one, whose descriptor comes with the message of the fork. */
  public void child(Userfaultfd watch, Mm owner, Runnable release) {
    children.put(watch, new Opened(watch, owner, release));
  }

  /** Opens what a fork has made, for the reader of the message. */
  public int openChild(Mm reader, Userfaultfd watch) {
    Opened made = Objects.requireNonNull(children.remove(watch));
    return open(reader, watch, made.owner, made.release);
  }

  /** What is behind a descriptor, null if it is no userfaultfd. */
  public @Nullable Opened of(Mm process, long fd) {
    OpenFile open = process.open((int) fd);
    return open == null ? null : opened.get(open.file());
  }

  /** The last descriptor of a file has gone. */
  void closed(MappedFile file) {
    Opened gone = opened.remove(file);
    if (gone != null) {
      release(gone);
    }
  }

  /** With it go those of forks whose messages nobody can read any more. */
  private void release(Opened gone) {
    gone.release.run();
    gone.watch.unreadChildren(child -> release(Objects.requireNonNull(children.remove(child))));
  }

  /** Whether a file is one of them. */
  boolean has(MappedFile file) {
    return !opened.isEmpty() && opened.containsKey(file);
  }
}
