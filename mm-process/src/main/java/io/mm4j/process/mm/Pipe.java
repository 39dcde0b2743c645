// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.mm;

import io.mm4j.process.page.FileObject;
import java.util.ArrayDeque;

/**
 * The buffers of a pipe ({@code struct pipe_inode_info}, fs/pipe.c of Linux 6.18): up to 16 pages,
 * each with the place and the number of its bytes. They are pages of a file that counts them up.
 */
public final class Pipe {
  /** {@code PIPE_DEF_BUFFERS}. */
  private static final int MOST = 16;

  private final FileObject file;
  private final ArrayDeque<Buffer> buffers = new ArrayDeque<>(MOST);

  /** The page of the next buffer in the file. */
  private long next;

  /** {@code struct pipe_buffer}. */
  private static final class Buffer {
    final long page;
    int offset;
    int bytes;

    Buffer(long page, int bytes) {
      this.page = page;
      this.bytes = bytes;
    }
  }

  /** An empty one. */
  public Pipe(FileObject file) {
    this.file = file;
  }

  /** {@code pipe_empty()}. */
  public boolean isEmpty() {
    return buffers.isEmpty();
  }

  /** {@code pipe_full()}. */
  public boolean isFull() {
    return buffers.size() == MOST;
  }

  /** A page for the next buffer, {@link io.mm4j.process.page.Frames#NONE} if memory is out. */
  public long nextPage() {
    return file.page(next);
  }

  /** Nothing came of it ({@code anon_pipe_put_page}). */
  public void dropPage() {
    file.change().dropPage(next);
  }

  /** The page has these bytes, from its start. */
  public void push(int bytes) {
    buffers.add(new Buffer(next, bytes));
    next++;
  }

  /** The page of the buffer that was filled last. */
  public long lastPage() {
    return file.page(buffers.getLast().page);
  }

  /** Where its bytes end in it. */
  public int lastEnd() {
    Buffer last = buffers.getLast();
    return last.offset + last.bytes;
  }

  /** More bytes are in it. */
  public void extend(int bytes) {
    buffers.getLast().bytes += bytes;
  }

  /** The page of the buffer that is read next. */
  public long firstPage() {
    return file.page(buffers.getFirst().page);
  }

  /** Where its bytes begin in it. */
  public int firstOffset() {
    return buffers.getFirst().offset;
  }

  /** How many there are. */
  public int firstBytes() {
    return buffers.getFirst().bytes;
  }

  /** Bytes of it were read; a buffer without bytes goes. */
  public void pull(int bytes) {
    Buffer first = buffers.getFirst();
    first.offset += bytes;
    first.bytes -= bytes;
    if (first.bytes == 0) {
      file.change().dropPage(first.page);
      buffers.removeFirst();
    }
  }
}
