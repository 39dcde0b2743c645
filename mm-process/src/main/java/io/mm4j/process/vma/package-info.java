// SPDX-License-Identifier: Apache-2.0
/** VMAs, their flags, their anon_vma identity, and the rules of merging and splitting them. */
@NullMarked
package io.mm4j.process.vma;

import org.jspecify.annotations.NullMarked;
