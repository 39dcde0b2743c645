// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.task.rules;

import io.mm4j.api.process.ExecRequest;
import io.mm4j.api.process.MappedFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/** A program of two segments: code, and data with a bss that ends in another page. */
final class TinyElf {
  static final long CODE = 0x401000;
  static final long DATA = 0x403000;
  static final int CODE_BYTES = 0x80;
  static final int DATA_BYTES = 0x123;
  static final long BSS_BYTES = 0x2000;

  /** Every byte of the file's rest, so that bss would show it. */
  static final int FILLER = 0xa5;

  private static final int FILE_BYTES = 0x4000;

  private TinyElf() {}

  static MappedFile file(boolean is64) {
    byte[] bytes = new byte[FILE_BYTES];
    java.util.Arrays.fill(bytes, (byte) FILLER);
    ByteBuffer out = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    out.putInt(0, 0x464c457f);
    out.put(4, (byte) (is64 ? 2 : 1));
    out.put(5, (byte) 1);
    out.putShort(16, (short) 2);
    out.putShort(18, (short) (is64 ? 62 : 3));
    int headers = is64 ? 64 : 52;
    if (is64) {
      out.putLong(24, CODE);
      out.putLong(32, headers);
      out.putShort(54, (short) 56);
      out.putShort(56, (short) 3);
    } else {
      out.putInt(24, (int) CODE);
      out.putInt(28, headers);
      out.putShort(42, (short) 32);
      out.putShort(44, (short) 3);
    }
    int size = is64 ? 56 : 32;
    header(out, headers, is64, 1, 5, 0x1000, CODE, CODE_BYTES, CODE_BYTES);
    header(out, headers + size, is64, 1, 6, 0x3000, DATA, DATA_BYTES, DATA_BYTES + BSS_BYTES);
    header(out, headers + 2 * size, is64, 0x6474e551, 6, 0, 0, 0, 0);
    return new MappedFile(
        "/bin/tiny", MappedFile.Kind.EXT4, FILE_BYTES, at -> bytes[(int) at] & 255);
  }

  private static void header(
      ByteBuffer out,
      int at,
      boolean is64,
      int type,
      int flags,
      long offset,
      long vaddr,
      long fileBytes,
      long memoryBytes) {
    out.putInt(at, type);
    if (is64) {
      out.putInt(at + 4, flags);
      out.putLong(at + 8, offset);
      out.putLong(at + 16, vaddr);
      out.putLong(at + 24, vaddr);
      out.putLong(at + 32, fileBytes);
      out.putLong(at + 40, memoryBytes);
      out.putLong(at + 48, 0x1000);
    } else {
      out.putInt(at + 4, (int) offset);
      out.putInt(at + 8, (int) vaddr);
      out.putInt(at + 12, (int) vaddr);
      out.putInt(at + 16, (int) fileBytes);
      out.putInt(at + 20, (int) memoryBytes);
      out.putInt(at + 24, flags);
      out.putInt(at + 28, 0x1000);
    }
  }

  static ExecRequest request(MappedFile file, ExecRequest.Abi abi, String... arguments) {
    return new ExecRequest(
        "/bin/tiny",
        ExecRequest.Program.of(file),
        null,
        abi,
        List.of(arguments),
        List.of("HOME=/"),
        ExecRequest.Auxiliary.DEFAULTS);
  }
}
