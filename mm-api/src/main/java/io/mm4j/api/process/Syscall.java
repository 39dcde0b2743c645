// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import java.util.Arrays;
import java.util.List;
import org.apiguardian.api.API;

/**
 * System calls that are made by {@link AddressSpace#syscall}: those that are not about address
 * ranges alone, and so have no method of their own. Each names its arguments in the order of the
 * kernel's (Linux 6.18, x86-64).
 */
@API(status = API.Status.EXPERIMENTAL)
public enum Syscall {
  /** Reads from a file at its position, to user memory. */
  READ("fd buf count"),
  /** Writes to a file at its position, from user memory. */
  WRITE("fd buf count"),
  /** Reads at a place. */
  PREAD64("fd buf count pos"),
  /** Writes at a place. */
  PWRITE64("fd buf count pos"),
  /** Moves the position of an open file; whence is 0 SET, 1 CUR, 2 END. */
  LSEEK("fd off whence"),
  /** Gives a file another size. */
  FTRUNCATE("fd len"),
  /** Makes holes, zeroes or a larger size; see {@link Uapi#FALLOC_FL_PUNCH_HOLE}. */
  FALLOCATE("fd mode off len"),
  /** Says how a file will be used; see {@link Uapi#POSIX_FADV_WILLNEED}. */
  FADVISE64("fd off len advice"),
  /** Reads pages of a file into the page cache. */
  READAHEAD("fd off count"),
  /** Writes a file's dirty pages out. */
  FSYNC("fd"),
  /** The same for this model. */
  FDATASYNC("fd"),
  /** A second number for an open file. */
  DUP2("fd newfd"),
  /** Closes a descriptor. */
  CLOSE("fd"),
  /** {@link Uapi#F_ADD_SEALS} and {@link Uapi#F_GET_SEALS}. */
  FCNTL("fd cmd arg"),
  /** Makes a pipe; its two descriptors go to user memory. */
  PIPE2("fds flags"),
  /** Makes a file of memory that nobody else can read; gives its descriptor. */
  MEMFD_SECRET("flags"),
  /** Finds or makes a System V segment. */
  SHMGET("key size flags"),
  /** Maps a segment. */
  SHMAT("id addr flags"),
  /** Unmaps a segment. */
  SHMDT("addr"),
  /** Removes or describes a segment. */
  SHMCTL("id cmd buf"),
  /** Shows another place of a file at an address. */
  REMAP_FILE_PAGES("addr len prot pgoff flags"),
  /** mprotect with a protection key. */
  PKEY_MPROTECT("addr len prot pkey"),
  /** Asks for a protection key. */
  PKEY_ALLOC("flags rights"),
  /** Gives one back. */
  PKEY_FREE("pkey"),
  /** Becomes another user; whoever is not root any more has no capability. */
  SETUID("uid"),
  /** Gets another group. */
  SETGID("gid"),
  /**
   * Gives memory a policy. {@code nodes} is the mask, its first 64 bits, and no address; so it is
   * with the other calls that are given one.
   */
  MBIND("addr len mode nodes maxnode flags"),
  /** Gives memory without a policy one: that of the process. */
  SET_MEMPOLICY("mode nodes maxnode"),
  /** Tells a policy, or a node; what it is told goes to user memory. */
  GET_MEMPOLICY("policy mask maxnode addr flags"),
  /** Says which node is to be tried first. */
  SET_MEMPOLICY_HOME_NODE("addr len node flags"),
  /** Moves pages of the process itself from nodes to others. */
  MIGRATE_PAGES("maxnode from to"),
  /**
   * {@code move_pages} of one page of the process itself: gives its status, which is its node. With
   * node {@link Uapi#ANY_NODE} it stays where it is.
   */
  MOVE_PAGES("addr node flags"),
  /** What memory has of {@code prctl}. */
  PRCTL("option arg2 arg3 arg4 arg5"),
  /**
   * {@code process_madvise} of a vector of one range. The vector itself is not read from memory.
   * {@code self} is 1 if the process advises itself, 0 if another process of the same user does.
   */
  PROCESS_MADVISE("self addr len advice flags"),
  /**
   * Reads memory of a process, which {@link AddressSpace#pid()} names. {@code lvec} and {@code
   * rvec} are addresses of {@code struct iovec}s in the caller's memory.
   */
  PROCESS_VM_READV("pid lvec liovcnt rvec riovcnt flags"),
  /** Writes to memory of a process. */
  PROCESS_VM_WRITEV("pid lvec liovcnt rvec riovcnt flags"),
  /** A descriptor by which a program answers its own page faults; see {@link Uffd}. */
  USERFAULTFD("flags"),
  /**
   * {@code ioctl(fd, UFFDIO_API)}: chooses features. Like the ioctls below it is given the fields
   * of its struct as words, and {@code arg} is where the struct lies in user memory: that must be
   * readable, and the kernel leaves its answer there. 0 if it lies nowhere.
   */
  UFFDIO_API("fd arg api features"),
  /** From now on faults of a range are told to the descriptor. */
  UFFDIO_REGISTER("fd arg start len mode"),
  /** And no longer. */
  UFFDIO_UNREGISTER("fd arg start len"),
  /** Whoever waits in a range tries again. */
  UFFDIO_WAKE("fd arg start len"),
  /** Brings pages with bytes of the caller. */
  UFFDIO_COPY("fd arg dst src len mode"),
  /** Brings pages of zeroes. */
  UFFDIO_ZEROPAGE("fd arg start len mode"),
  /** Write-protects pages, or no longer. */
  UFFDIO_WRITEPROTECT("fd arg start len mode"),
  /** Maps pages that the file has. */
  UFFDIO_CONTINUE("fd arg start len mode"),
  /** Makes accesses fail as if the memory were broken. */
  UFFDIO_POISON("fd arg start len mode"),
  /** Brings pages from elsewhere in the process, where they go. */
  UFFDIO_MOVE("fd arg dst src len mode");

  @SuppressWarnings("ImmutableEnumChecker") // made by List.copyOf, which nobody can change
  private final List<String> arguments;

  Syscall(String arguments) {
    this.arguments = List.copyOf(Arrays.asList(arguments.split(" ", -1)));
  }

  /** The names of the arguments. */
  public List<String> arguments() {
    return arguments;
  }

  /** Whether it is an ioctl of a descriptor that {@link #USERFAULTFD} gave. */
  public boolean isUffdIoctl() {
    return compareTo(UFFDIO_API) >= 0 && compareTo(UFFDIO_MOVE) <= 0;
  }

  /** Whether it gives an address. */
  public boolean givesAddress() {
    return this == SHMAT;
  }
}
