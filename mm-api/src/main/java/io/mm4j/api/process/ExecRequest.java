// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import java.util.List;
import java.util.Objects;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * What {@code execve(2)} is given, with what the kernel finds on the way: the files and their
 * headers.
 *
 * @param path what the program is called ({@code bprm->filename}, AT_EXECFN)
 * @param program the file
 * @param interpreter the file that PT_INTERP names; null exactly if the program names none
 * @param abi which kernel runs which kind of program
 * @param arguments {@code argv}
 * @param environment {@code envp}
 * @param auxiliary what stands in the auxiliary vector and comes from elsewhere
 */
@API(status = API.Status.EXPERIMENTAL)
public record ExecRequest(
    String path,
    Program program,
    @Nullable Program interpreter,
    Abi abi,
    List<String> arguments,
    List<String> environment,
    Auxiliary auxiliary) {
  /**
   * An executable file.
   *
   * @param file opened for reading
   * @param image its headers
   */
  @API(status = API.Status.EXPERIMENTAL)
  public record Program(OpenFile file, ElfImage image) {
    /** Reads the headers of a file. */
    public static Program of(MappedFile file) {
      return new Program(new OpenFile(file, OpenFile.Mode.READ_ONLY), ElfReader.read(file));
    }
  }

  /** Which kernel runs which kind of program; it says where everything lies. */
  @API(status = API.Status.EXPERIMENTAL)
  public enum Abi {
    /** 64-bit programs on Linux 6.18. */
    X86_64("x86_64"),
    /** 32-bit programs on a 64-bit Linux 6.18. */
    IA32_ON_64("i686"),
    /** 32-bit programs on a 32-bit Linux 6.18: user space of 3 GiB. */
    I386("i686"),
    /** The same on Linux 2.4, which maps from a third of user space upwards, without a vdso. */
    I386_24("i686");

    private final String platform;

    Abi(String platform) {
      this.platform = platform;
    }

    /** {@code ELF_PLATFORM}. */
    public String platform() {
      return platform;
    }

    /** Whether addresses have 64 bits. */
    public boolean is64() {
      return this == X86_64;
    }
  }

  /**
   * What stands in the auxiliary vector and is the machine's, or random.
   *
   * @param hwcap AT_HWCAP: edx of cpuid leaf 1
   * @param hwcap2 AT_HWCAP2
   * @param minSignalStackBytes AT_MINSIGSTKSZ
   * @param uid AT_UID and AT_EUID
   * @param gid AT_GID and AT_EGID
   * @param seed the 16 random bytes of AT_RANDOM follow from it
   */
  @API(status = API.Status.EXPERIMENTAL)
  public record Auxiliary(
      long hwcap, long hwcap2, long minSignalStackBytes, int uid, int gid, long seed) {
    /** A PC of today, and root. */
    public static final Auxiliary DEFAULTS = new Auxiliary(0x178bfbff, 0x2, 3376, 0, 0, 1);
  }

  /** Copies the lists, and compares the two programs. */
  public ExecRequest {
    Objects.requireNonNull(abi, "abi");
    arguments = List.copyOf(arguments);
    environment = List.copyOf(environment);
    boolean named = program.image().interpreter() != null;
    if (named != (interpreter != null)) {
      throw new IllegalArgumentException(
          "interpreter=" + program.image().interpreter() + " given=" + (interpreter != null));
    }
  }
}
