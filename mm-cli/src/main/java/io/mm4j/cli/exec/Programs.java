// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.exec;

import io.mm4j.api.InputException;
import io.mm4j.api.WhyNot;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.process.ElfImage;
import io.mm4j.api.process.ExecRequest;
import io.mm4j.api.process.MappedFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** Programs of the host, read once and kept in memory. */
public final class Programs {
  private static final long MOST_BYTES = 1L << 30;

  private final Path root;

  /**
   * Finds interpreters below a folder.
   *
   * @param root the folder that stands for {@code /}
   */
  public Programs(Path root) {
    this.root = root;
  }

  /**
   * What exec needs to know.
   *
   * @param file the program
   * @param arguments {@code argv}
   * @throws InputException if it is no program that this machine could run; says where in the file
   */
  public ExecRequest request(
      Path file,
      Architecture architecture,
      List<String> arguments,
      List<String> environment,
      ExecRequest.Auxiliary auxiliary) {
    ExecRequest.Program program = program(file, file.toString());
    ElfImage image = program.image();
    ExecRequest.Abi abi = abi(architecture, image, file);
    ExecRequest.Program interpreter = null;
    String named = image.interpreter();
    if (named != null) {
      interpreter = program(below(named), named);
      if (interpreter.image().is64() != image.is64()) {
        throw new InputException(
            "the interpreter has " + bits(interpreter.image()) + ", the program " + bits(image),
            named,
            "an interpreter of the program's own kind");
      }
    }
    return new ExecRequest(
        file.toString(), program, interpreter, abi, arguments, environment, auxiliary);
  }

  private static String bits(ElfImage image) {
    return image.is64() ? "64 bits" : "32 bits";
  }

  private static ExecRequest.Abi abi(Architecture architecture, ElfImage image, Path file) {
    if (architecture.is64Bit()) {
      return image.is64() ? ExecRequest.Abi.X86_64 : ExecRequest.Abi.IA32_ON_64;
    }
    if (image.is64()) {
      throw new InputException(
          "a program of 64 bits on a machine of 32 bits (ENOEXEC)",
          file + ", --machine " + architecture.id(),
          "a 32-bit program, or --machine x86-64");
    }
    return architecture == Architecture.X86_32_24 ? ExecRequest.Abi.I386_24 : ExecRequest.Abi.I386;
  }

  /** What maps shows ({@code d_path}): no links, and the root is the folder that stands for it. */
  private String shown(Path file) throws IOException {
    Path real = file.toRealPath();
    Path top = root.toRealPath();
    return real.startsWith(top) ? "/" + top.relativize(real) : real.toString();
  }

  private Path below(String path) {
    return root.resolve(path.replaceFirst("^/+", ""));
  }

  private ExecRequest.Program program(Path file, String name) {
    return ExecRequest.Program.of(read(file, name));
  }

  private MappedFile read(Path file, String name) {
    if (!Files.isRegularFile(file)) {
      throw new InputException(
          (Files.isDirectory(file) ? "this is a folder: '" : "there is no file '") + file + "'",
          name,
          "an ELF file; --root DIR says below which folder interpreters are");
    }
    try {
      long size = Files.size(file);
      if (size > MOST_BYTES) {
        throw new InputException(
            String.format(Locale.ROOT, "the file has %d bytes", size), name, "programs up to 1G");
      }
      byte[] bytes = Files.readAllBytes(file);
      return new MappedFile(
          shown(file), MappedFile.Kind.EXT4, bytes.length, at -> bytes[(int) at] & 255);
    } catch (IOException e) {
      throw new InputException("cannot read: " + WhyNot.of(e), name, "a file that can be read");
    }
  }
}
