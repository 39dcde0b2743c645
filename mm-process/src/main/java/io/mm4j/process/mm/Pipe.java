// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.mm;

import io.mm4j.process.page.FileObject;

/**
 * The buffers of a pipe ({@code struct pipe_inode_info}, fs/pipe.c of Linux 6.18): up to 16 pages,
 * each with the place and the number of its bytes. They are pages of a file that counts them up.
 */
public final class Pipe {
  /** {@code PIPE_DEF_BUFFERS}. */
  private static final int MOST = 16;

  private final FileObject file;
  private final int[] offsets = new int[MOST];
  private final int[] lengths = new int[MOST];
  private long head;
  private long tail;

  /** An empty one. */
  public Pipe(FileObject file) {
    this.file = file;
  }

  /** {@code pipe_empty()}. */
  public boolean isEmpty() {
    return head == tail;
  }

  /** {@code pipe_full()}. */
  public boolean isFull() {
    return head - tail == MOST;
  }

  /** A page for the next buffer, {@link io.mm4j.process.page.Frames#NONE} if memory is out. */
  public long nextPage() {
    return file.page(head);
  }

  /** Nothing came of it ({@code anon_pipe_put_page}). */
  public void dropPage() {
    file.change().dropPage(head);
  }

  /** The page has these bytes, from its start. */
  public void push(int bytes) {
    offsets[slot(head)] = 0;
    lengths[slot(head)] = bytes;
    head++;
  }

  /** The page of the buffer that was filled last. */
  public long lastPage() {
    return file.page(head - 1);
  }

  /** Where its bytes end in it. */
  public int lastEnd() {
    return offsets[slot(head - 1)] + lengths[slot(head - 1)];
  }

  /** More bytes are in it. */
  public void extend(int bytes) {
    lengths[slot(head - 1)] += bytes;
  }

  /** The page of the buffer that is read next. */
  public long firstPage() {
    return file.page(tail);
  }

  /** Where its bytes begin in it. */
  public int firstOffset() {
    return offsets[slot(tail)];
  }

  /** How many there are. */
  public int firstBytes() {
    return lengths[slot(tail)];
  }

  /** Bytes of it were read; a buffer without bytes goes. */
  public void pull(int bytes) {
    offsets[slot(tail)] += bytes;
    lengths[slot(tail)] -= bytes;
    if (lengths[slot(tail)] == 0) {
      file.change().dropPage(tail);
      tail++;
    }
  }

  private static int slot(long buffer) {
    return (int) (buffer % MOST);
  }
}
