// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.text;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;

/**
 * Standard output that does not lose anything in silence: what cannot be written ends the command.
 * A print stream above it would swallow the error.
 */
public final class Output extends OutputStream {
  private final FileOutputStream out = new FileOutputStream(FileDescriptor.out);

  /** What was printed is lost. */
  public static final class LostException extends RuntimeException {
    private static final long serialVersionUID = 1;

    LostException(IOException cause) {
      super(cause.getMessage(), cause);
    }

    /** Whether nobody reads any more: the reader of a pipe has gone. */
    public boolean isClosedPipe() {
      String message = getMessage();
      return message != null && message.contains("Broken pipe");
    }
  }

  /** The process's own. */
  public Output() {}

  @Override
  public void write(int b) {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int from, int count) {
    try {
      out.write(bytes, from, count);
    } catch (IOException e) {
      throw new LostException(e);
    }
  }
}
