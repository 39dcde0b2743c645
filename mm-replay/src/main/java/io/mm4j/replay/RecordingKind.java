// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay;

/** The kinds of recording that can be replayed. */
public enum RecordingKind {
  /** System calls and touches of processes, one text file: {@code *.vma.gz}, {@code *.vma}. */
  VMA("vma"),
  /** A trace of page and slab operations, a folder that holds {@code pages.txt.gz}. */
  KMEM("kmem"),
  /** Where vmalloc areas were placed, a folder that holds {@code events.txt.gz}. */
  VMAP("vmap"),
  /** Text that strace wrote: {@code *.strace}, {@code *.strace.gz}. */
  STRACE("strace"),
  /** The text of {@code /proc/PID/maps}: a process without calls. */
  MAPS("maps");

  private final String id;

  RecordingKind(String id) {
    this.id = id;
  }

  /** The lower-case name that verdicts print. */
  public String id() {
    return id;
  }
}
