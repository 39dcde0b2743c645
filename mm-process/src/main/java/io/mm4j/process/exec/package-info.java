// SPDX-License-Identifier: Apache-2.0
/** How exec makes an address space from an ELF file: places, segments, the first stack. */
@NullMarked
package io.mm4j.process.exec;

import org.jspecify.annotations.NullMarked;
