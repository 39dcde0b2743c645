// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.startup;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Classes of an old format, verified the new way. */
class NewerClassesTest {
  private static final ClassDesc OLD = ClassDesc.of("t.Old");
  private static final MethodTypeDesc TYPE =
      MethodTypeDesc.of(ConstantDescs.CD_int, ConstantDescs.CD_int);

  @TempDir Path dir;

  /** {@code static int f(int x) { return x == 0 ? 7 : x; }}, a branch that needs a stack map. */
  private static byte[] old() {
    return ClassFile.of(ClassFile.StackMapsOption.DROP_STACK_MAPS)
        .build(
            OLD,
            type ->
                type.withVersion(ClassFile.JAVA_5_VERSION, 0)
                    .withFlags(ClassFile.ACC_PUBLIC | ClassFile.ACC_SUPER)
                    .withMethodBody(
                        "f",
                        TYPE,
                        ClassFile.ACC_PUBLIC | ClassFile.ACC_STATIC,
                        code ->
                            code.iload(0)
                                .ifThenElse(
                                    then -> then.iload(0).ireturn(),
                                    otherwise -> otherwise.bipush(7).ireturn())));
  }

  @Test
  void oldClassesGetStackMapsAndDoTheSame() throws Exception {
    Path jar = jar("t/Old.class", old());
    assertEquals(1, NewerClasses.rewrite(jar));
    try (URLClassLoader loader = new URLClassLoader(new URL[] {jar.toUri().toURL()}, null)) {
      var method = loader.loadClass("t.Old").getMethod("f", int.class);
      assertEquals(7, method.invoke(null, 0));
      assertEquals(5, method.invoke(null, 5));
      try (var in = Objects.requireNonNull(loader.getResourceAsStream("t/Old.class"))) {
        var model = ClassFile.of().parse(in.readAllBytes());
        assertEquals(ClassFile.JAVA_8_VERSION, model.majorVersion());
      }
    }
    assertEquals(0, NewerClasses.rewrite(jar), "twice");
  }

  @Test
  void aJarWithoutOldClassesStaysByteForByte() throws IOException {
    Path jar = jar("a.txt", new byte[] {1, 2});
    byte[] before = Files.readAllBytes(jar);
    NewerClasses.main(new String[] {jar.toString()});
    assertArrayEquals(before, Files.readAllBytes(jar));
    try (var files = Files.list(dir)) {
      assertEquals(1, files.count(), "nothing is left beside it");
    }
  }

  private Path jar(String name, byte[] bytes) throws IOException {
    Path jar = dir.resolve("old.jar");
    try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar))) {
      out.putNextEntry(new JarEntry(name));
      out.write(bytes);
      out.closeEntry();
    }
    return jar;
  }
}
