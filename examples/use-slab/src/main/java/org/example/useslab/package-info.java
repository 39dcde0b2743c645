// SPDX-License-Identifier: Apache-2.0

/** A program that uses mm-slab. */
package org.example.useslab;
