// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api;

import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import org.apiguardian.api.API;

/** Why a file could not be read or written, in words instead of the name of a Java class. */
@API(status = API.Status.MAINTAINED)
public final class WhyNot {
  private WhyNot() {}

  /** The words; those of the host where it gave some. */
  public static String of(Exception e) {
    return switch (e) {
      case NoSuchFileException _ -> "No such file or directory";
      case AccessDeniedException _ -> "Permission denied";
      case FileAlreadyExistsException _ -> "File exists";
      case FileSystemException file when file.getReason() != null -> file.getReason();
      default -> String.valueOf(e.getMessage());
    };
  }
}
